"""The soak: stock Hummingbot quotes on three pairs for hours while everything around it fails now and then."""
