"""What every room stands on: errors, names, tables of people, weights of models."""
