"""A digest as Markdown, HTML, JSON or docx."""
