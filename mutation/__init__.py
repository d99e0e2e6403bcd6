"""Small wrong changes of the money paths, each of which a test has to notice: `make mutate`."""
