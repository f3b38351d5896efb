"""What several test files share: a test imports from here, never from another test."""
