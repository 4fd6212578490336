"""What a recipe is made of: strict values. Imports no torch."""
