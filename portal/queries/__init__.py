"""What a person or a program asks: a module for each question, none of which knows terminals or pages."""
