"""What a user brings along: published weights, under the names that the zoo knows."""
