"""Cover maps in another format, on another lattice, cut or in tiles."""
