"""What only the bundled classifier needs: its pool, and the gate that stands on its network."""
