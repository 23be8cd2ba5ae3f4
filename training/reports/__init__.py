"""Real radiology reports: reading them as prose, splitting them, holding what writers write against them."""
