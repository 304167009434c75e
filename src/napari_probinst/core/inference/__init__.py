"""From an image to probabilistic instances and ranked peaks."""
