"""The standard recipes, as their documentation shows them."""
