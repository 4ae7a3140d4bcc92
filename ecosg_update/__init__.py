"""Renew ECOCLIMAP-SG land cover from Sentinel-2, for SURFEX and HARMONIE-AROME."""

__version__ = "0.1.0"
