"""`imgbot doctor`: gathers facts about an installation, and decides findings from them."""
