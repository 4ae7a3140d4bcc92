"""What PGD makes of a cover map on a model grid, without SURFEX."""
