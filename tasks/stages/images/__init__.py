"""What runs on pictures: one pure function a file; no stage imports another.

To add one: write the function here and its entry in `flows/recipes/image_stages.py`.
"""
