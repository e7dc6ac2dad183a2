"""One file a probe; the listing of the folder is the only list of them."""
