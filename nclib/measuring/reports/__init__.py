"""What was measured, as text, HTML, tables and a file."""
