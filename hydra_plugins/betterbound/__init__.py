"""What Hydra finds of this benchmark by itself: the sweeper that runs unions of grids."""
