"""What reflow knows of lines, headings, captions, numbering and wrapping of Chinese pages."""
