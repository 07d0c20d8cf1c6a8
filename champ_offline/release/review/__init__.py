"""What people ask at a review of a plan, each question with its value and its rule."""
