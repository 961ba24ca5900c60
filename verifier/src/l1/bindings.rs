//! Types generated from the committed artefact, so that they cannot differ from what is deployed.
#![allow(missing_docs)] // the contracts' sources document them
#![allow(clippy::too_many_arguments)] // as many as the events have fields

alloy::sol!(
    #[sol(all_derives)]
    Novation,
    "artifacts/Novation.json"
);

// Declared outside any contract: the generated code of ICircuitKeys looks for it here.
pub use Novation::Lanes;

alloy::sol!(
    #[sol(all_derives)]
    GovernanceTimelock,
    "artifacts/GovernanceTimelock.json"
);

alloy::sol! {
    /// The part of ERC-20 that a depositor needs.
    #[sol(all_derives)]
    interface Erc20 {
        function approve(address spender, uint256 amount) external returns (bool);
        function allowance(address owner, address spender) external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
    }
}
