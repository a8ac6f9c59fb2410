"""What both front ends share: forms, queries, templates and the style sheet."""
