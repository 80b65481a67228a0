"""What the user wrote: the schema of the file, durations, errors that point at the place."""
