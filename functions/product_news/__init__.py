"""What a store publishes about its products, proposed to those who asked for them or have bought them."""
