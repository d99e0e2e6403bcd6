"""Decoders fed with damaged copies of real answers: `make fuzz`."""
