"""What an app is made of: declared with decorators, found by inspectors, kept as versioned snapshots."""
