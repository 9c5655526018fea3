"""Who judges: model packages, the scorer, the policy, what is in force. Imports schemas only."""
