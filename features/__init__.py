"""What is computed of a transaction: the catalogue, and the fold that is the only code that computes features. Imports schemas only."""
