"""The faults that a connector meets, one named test for each row of docs/faults.md."""
