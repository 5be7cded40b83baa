"""What brings the router to AWS and looks after it there; nothing of it ships or runs locally."""
