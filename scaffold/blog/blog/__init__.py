"""An application on sequent_sa."""
