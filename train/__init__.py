"""Fine-tuning, calibration and evaluation. May import `policylens.infer`, never the reverse."""
