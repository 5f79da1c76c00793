"""JSON shapes, each named after its schema in GitHub's description. Pure: records in, dicts out."""
