"""What people would pick instead, doing the same arithmetic."""
