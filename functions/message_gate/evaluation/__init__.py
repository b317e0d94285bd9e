"""Whether the templates are as they should be: checked and previewed with samples, from the sources, before they are deployed."""
