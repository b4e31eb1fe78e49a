"""Steps of the bulletin: size classes, cells, suppression."""
