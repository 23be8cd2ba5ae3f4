"""What only the bundled classifier needs: its pool, network, heads, gate, graph and card."""
