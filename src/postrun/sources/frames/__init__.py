"""What sources share on the way from rows or files to a history's columns."""
