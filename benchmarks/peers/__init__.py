"""What the engine is measured against: written from the equations, without diffjax."""
