"""`imgbot loadtest`: the bot under the load of so many people, on this machine."""
