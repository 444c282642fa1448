"""The studio, a web page on this machine to make, watch and pick characters; knows the api, and nothing behind it."""
