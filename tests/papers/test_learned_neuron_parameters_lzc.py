def test_bursts_are_told_from_complexity_and_not_once_inputs_are_shuffled(smoke_claim):
    result = smoke_claim("learned-neuron-parameters-lzc")
    assert result.measured["lzc_markov"] > result.control["lzc_inputs_shuffled"] + 0.15
    assert result.measured["learned_markov"] > result.control["labels_shuffled"] + 0.1
    # The order of the outputs' own bins is not where the class is.
    assert result.control["lzc_output_bins_shuffled"] > result.control["lzc_inputs_shuffled"] + 0.15
