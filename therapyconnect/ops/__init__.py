"""Running the installation: health, documents, demo data, commands for the operator."""
