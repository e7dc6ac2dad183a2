"""What image models look at: crops of pictures, drawn of a clip's poses or read from its files."""
