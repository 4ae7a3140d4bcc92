"""A Sentinel-2 product becomes `Reflectance`."""
