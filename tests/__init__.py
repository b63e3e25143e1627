"""Makes ``tests`` a package, so that another distribution's ``tests`` folder is not found first."""
