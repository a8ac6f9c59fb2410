"""How a projector's rows reach the tables: at once, or in memory first when a projection is rebuilt."""
