"""What a user takes away: models as files."""
