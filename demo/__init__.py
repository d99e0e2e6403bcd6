"""The demonstration: stock Hummingbot trades on a local sandbox, and every unit is checked afterwards."""
