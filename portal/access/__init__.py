"""Who may see what 谁能看什么: decided here, once, for pages, API and exports."""
