"""The Kedro shell: configuration, hooks, tracking, commands of the knowledge base."""
