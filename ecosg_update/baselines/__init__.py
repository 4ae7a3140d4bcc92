"""What an engine has to beat: the majority class, and a random forest on pixels and their texture."""
