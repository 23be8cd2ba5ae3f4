"""The bodies of requests and answers, one file a noun: what clients see, and beside it what makes it."""
