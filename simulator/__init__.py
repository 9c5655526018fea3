"""Cards with habits, merchants, and three kinds of fraud, by seed."""
